"""The daemon at work on recorded clips, seen as a subscriber sees it."""
