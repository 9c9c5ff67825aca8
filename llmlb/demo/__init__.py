"""The demo: a router, three engines and their agents on this machine, a killed node, and thirty answered chats."""
