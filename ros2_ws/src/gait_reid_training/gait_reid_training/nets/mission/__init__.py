"""Networks that tell whether a radar's walk and a camera's are of the same person.

Mission: Liu et al., "Mission: mmWave Radar Person Identification with RGB Cameras", SenSys 2024.
"""
