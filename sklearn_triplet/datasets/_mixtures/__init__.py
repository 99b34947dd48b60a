"""Recordings of single sounds in, mixed clips and what they are made of out."""
