"""Alert rules: saved searches with a schedule and a rate. Pure: rules and sightings in, times of alerts out."""
