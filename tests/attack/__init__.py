"""What the threat model says that an attacker cannot do, done on the real servers."""
