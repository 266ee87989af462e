"""What a user may write in a WandbSweep, and what they read in its status.

Knows the fields, their descriptions, the CEL rules, the condition types, reasons and label keys. Must not know
how anything is done. Everybody above imports it; start with the types.
"""
