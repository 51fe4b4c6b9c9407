"""The state machine: events, transition rules, reducer; journal, session, drafts and lock."""
