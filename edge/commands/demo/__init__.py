"""`emotiond demo`: the daemon on recorded clips, seen by a subscriber."""
