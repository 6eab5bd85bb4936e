"""What is true now and is kept nowhere: uploads under way, sessions, conditions. Told to the pages that are open."""
