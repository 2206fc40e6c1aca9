"""DCSA port calls: when ships come to a berth, lie there and leave, as carriers and terminals tell each other."""
