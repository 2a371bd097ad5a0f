"""Charts and image files that training and the report share; imports no torch."""
