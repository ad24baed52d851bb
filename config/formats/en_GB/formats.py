"""Times where Django writes them itself, as in its admin: by the 24-hour clock, as on every page."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
