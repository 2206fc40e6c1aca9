"""EMSI (ISO/TR 22351): situations shared between European control rooms, as XML, both ways."""
