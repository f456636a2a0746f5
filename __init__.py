# SPDX-License-Identifier: GPL-3.0-or-later
"""Background Nodes: wire scripts into a node graph, press Run, and go on working while background Blenders do the job."""
