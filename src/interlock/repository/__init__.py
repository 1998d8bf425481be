"""The user's repository, as far as the plane itself needs it: where it is and which one it is."""
