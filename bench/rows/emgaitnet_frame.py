"""One new frame of everybody in view through EMGaitNet, against the whole window again."""

from __future__ import annotations

import time

from bench.emgaitnet import NUM_NEW, NUM_TRACKS, edge_model, encoder, instants
from bench.harness import Benchmark, Case, Contender, Sample


def build() -> Case:
    """Load the model once, and fill the windows."""
    model, what = edge_model()
    window = model.description.frames
    some = instants(window + NUM_NEW)
    kept, again = encoder(model), encoder(model)
    tracks = range(NUM_TRACKS)

    def incremental() -> Sample:
        kept.reset()
        for crops in some[:window]:
            kept.update(crops)
        start = time.process_time()
        for crops in some[window:]:
            kept.update(crops)
            assert len(kept.embed(tracks)) == NUM_TRACKS
        return {"time_ms": 1e3 * (time.process_time() - start) / NUM_NEW}

    def from_scratch() -> Sample:
        start = time.process_time()
        again.reset()
        for crops in some[NUM_NEW:]:
            again.update(crops)
        assert len(again.embed(tracks)) == NUM_TRACKS
        return {"time_ms": 1e3 * (time.process_time() - start)}

    return Case(
        f"{NUM_TRACKS} tracks, a new frame each and an embedding of a window, {what}, one thread "
        "of ONNX Runtime; processor time per frame of all tracks",
        Contender("state per track, one new frame", incremental),
        (Contender(f"the whole network on all {window} frames again", from_scratch),),
    )


BENCHMARK = Benchmark("emgaitnet_frame", "EMGaitNet per frame", build, rounds=5, promise=0.2)
