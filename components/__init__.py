"""What is on screen: forms, figures and live pieces, each from plain values and without torch."""
