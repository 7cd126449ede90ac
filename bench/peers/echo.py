"""The function that every peer calls."""


def echo(text):
    return text
