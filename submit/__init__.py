# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand a graph to a farm that takes jobs: OpenJD, Flamenco. This is no part of the extension: it comes by pip.

    submit:   plan --> steps (division) ---+
              .blend and files --> packing +--> a job's folder: files/, job.json, and what the farm reads
    a farm:   background-nodes step FOLDER N --> the engine of this machine, on files/, with the store of the folder
    collect:  the store of the folder --> the store at home

A step is one task of the plan, or several that can't be apart. What it gives is kept in the job's own store, so each
step, each retry and each item finds what is there, by the same keys as everywhere.
"""
