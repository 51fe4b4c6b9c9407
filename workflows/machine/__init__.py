"""The state machine: events, state, transition rules; journal, session, drafts and lock."""
