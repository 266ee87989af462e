"""The pictures of docs/search: what each method tries on a known function, drawn as SVG from real searches."""
