"""`emotiond doctor`: tries each thing that the daemon needs, and says what to do about it."""
