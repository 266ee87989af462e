from image_builder.apt_sources import DebianMirror, parse_index_targets

DEBIAN = """\
http://mirror.example/debian-security/|bookworm-security|main|Debian|Debian-Security
http://mirror.example/debian/|bookworm-updates|main|Debian|Debian
http://mirror.example/debian/|bookworm|contrib|Debian|Debian
http://mirror.example/debian/|bookworm|main|Debian|Debian
https://tools.example/apt/|stable|main|Tools|Tools
"""


def test_the_base_is_made_from_the_mirror_that_the_machine_uses() -> None:
    assert parse_index_targets(DEBIAN) == DebianMirror(
        "http://mirror.example/debian/", "http://mirror.example/debian-security/"
    )


def test_the_base_gets_security_fixes_where_the_machine_does() -> None:
    mirror = parse_index_targets(DEBIAN)
    assert mirror is not None
    assert mirror.sources_list("bookworm").splitlines() == [
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
        "deb http://mirror.example/debian-security/ bookworm-security main",
    ]


def test_a_machine_without_a_debian_archive_has_no_mirror() -> None:
    assert parse_index_targets("https://tools.example/apt/|stable|main|Tools|Tools\n") is None
    assert parse_index_targets("") is None
