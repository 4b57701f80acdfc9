"""The open document: session, threads, and what may be opened in it."""
