"""Limits the server holds, whatever a browser or a link asks for, each with its reason."""

from __future__ import annotations

# Photos. 25 megapixels is what a current phone takes; decoded it is 75 MB, which thirty sessions can afford.
UPLOAD_BYTES = 10 * 1024**2
PIXELS = 25_000_000
# The digits are 8 × 8; nothing smaller says anything to a model.
LEAST_SIDE = 8
# Models crop the centre square after fitting the shorter side, so a strip would be blown up to show a sliver of itself.
LARGEST_ASPECT = 16
# No model here looks at more than a few hundred pixels a side; 2048 leaves room to crop.
STORED_SIDE = 2048
# Decoded photos kept in memory, at most 12 MB each.
LOADED_PHOTOS = 16
# 150 kB each; a page shows two photos, and a gallery of twelve is opened now and then.
FRAMES_IN_MEMORY = 64
SHOWN_NAME = 40

# Prompts. A page colours each token; attention of 30 × 9 heads over 512 tokens is 280 MB.
PROMPT_CHARACTERS = 20_000
PROMPT_TOKENS = 512

# Regions. A hand draws a few hundred points a stroke; 2,000 cost the server a tenth of a second.
REGION_EDITS = 16
SHAPES_IN_REGION = 64
POINTS_IN_REGION = 2_000

# Corpora of an operator's folders. A text of 20 MB is five million tokens, hours of passes; 5,000 files are listed in 0.1 s.
TEXT_FILE_BYTES = 20 * 1024**2
CORPUS_FILES = 5_000

# Run history, for one owner. The page lists a hundred; unpinned runs beyond the limit leave the oldest first.
RUNS_KEPT = 5_000
HISTORY_LISTED = 100
NOTE_CHARACTERS = 2_000
STUDIES_KEPT = 500
RUNS_IN_STUDY = 200
STUDY_NAME_CHARACTERS = 80
BUSY_SECONDS = 5.0

# Labels of units. A label is read in a table row and embedded whole; more than fifty of one unit nobody reads.
LABEL_CHARACTERS = 200
AUTHOR_CHARACTERS = 40
LABELS_OF_UNIT = 50

# Disk. A saliency run is 0.6 MB, so 4 GB hold the history above with room for its layers.
RUN_STORE_BYTES = 4 * 1024**3
IMAGE_STORE_BYTES = 4 * 1024**3
# A unit index of the default language model is 57 MB.
INDEX_STORE_BYTES = 4 * 1024**3
# A result larger than this is a mistake of the method, not a result.
RESULT_BYTES = 512 * 1024**2

# Engine. A page asks four methods and their checks; thirty sessions of that wait in line before the next is refused.
LIVE_JOBS = 256
FINAL_JOBS_KEPT = 200
LEASE_SECONDS = 30.0
# Memory. A sweep of 1,000 masks over 1,000 classes is 4 MB, a path under way 115 MB.
SWEEP_CACHE_BYTES = 1024**3
# A saliency result is 0.6 MB, one with every layer 1.5 MB.
RESULTS_IN_MEMORY = 200
MODELS_IN_MEMORY = 6
