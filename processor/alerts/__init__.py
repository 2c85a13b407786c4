"""Alerts: sightings that fit the rules of their user become rows, with the webhook deliveries that tell of them."""
