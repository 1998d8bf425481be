"""What each kind of evidence must show, one rule a reader; all of them pure."""
