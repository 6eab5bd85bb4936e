"""Every metric of the system: declared once, made from the declaration, documented and checked by it."""
