"""Times where Django writes them itself, as in its admin: by the 24-hour clock, as elsewhere."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
