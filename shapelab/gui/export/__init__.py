"""The export dialog: a part in millimetres, judged before it is written."""
