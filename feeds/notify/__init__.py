"""Alerts to people and machines outside: what a message says, the channels of a world, the gateways behind them."""
