"""`emotiond doctor`: tries everything that the daemon needs, and suggests remedies."""
