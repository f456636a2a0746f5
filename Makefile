# The commands of the project. Everything that is built lies in .venv/ and build/; `make clean` removes both.

.DEFAULT_GOAL := help
.PHONY: help lint check test counts jobs demo bench frames examples presets pictures zip repository blender format clean

# any Python 3.8 or later, only to find the Python that is used
finder := python3 tools/find_python.py
bin    := .venv/dev/bin
comma  := ,

# An environment is built anew where pyproject.toml has changed: its last file tells when it was finished.
# $(call build_env,folder,what to install,a command that prints the Python to use)
define build_env
	@python=$$($3) && echo "environment $1 with $$python" && rm -rf $1 && "$$python" -m venv $1 \
		&& $1/bin/python -m pip install --quiet --disable-pip-version-check $2 && touch $1/finished
endef

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

check: lint ## format, lint, types, unit tests: in a minute
	$(bin)/pytest tests/unit -q --numprocesses auto

lint: .venv/dev/finished .venv/types/background_nodes ## format, lint, types: in seconds
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy

test: .venv/dev/finished ## all tests, on Blender 4.2 to 5.2, the built extension in a real one included
	@rm -rf build/reports; status=0; \
	$(bin)/python tools/run_sessions.py || status=$$?; \
	$(bin)/python tools/total.py build/reports || status=$$?; \
	exit $$status

counts: .venv/dev/finished ## write docs/data_blocks.md anew, from what the last `make test` left
	$(bin)/python tools/write_counts.py

jobs: .venv/dev/finished ## run ten jobs of artists at their size, write docs/jobs.md and their presets' costs anew
	$(bin)/python -m nox --session jobs

demo: .venv/demo/finished ## a real graph in parallel background Blenders
	.venv/demo/bin/python examples/demo.py

bench: .venv/demo/finished ## measure, and print a table
	.venv/demo/bin/python benchmarks/run.py

examples: .venv/dev/finished ## write the example files and presets of the extension anew
	$(bin)/python -m nox --session example_files

presets: .venv/dev/finished ## write the presets anew that tests use in other Blenders
	$(bin)/python -m nox --session saved_presets

pictures: .venv/dev/finished ## take the README's pictures anew, from a real window
	$(bin)/python tools/make_pictures.py docs/pictures

frames: .venv/demo/finished ## measure what the window of a real Blender pays for a run
	.venv/demo/bin/python benchmarks/frame_times.py

zip: .venv/demo/finished ## build both extensions into build/
	@mkdir -p build
	.venv/demo/bin/python tools/extension.py build --output-dir build
	.venv/demo/bin/python tools/extension.py build --source-dir farm --output-dir build

repository: .venv/demo/finished ## build the extension into a folder that Blender installs and updates it from
	.venv/demo/bin/python tools/make_repository.py build/repository

blender: ## make a real Blender in a Debian folder (as root), for `make test`
	tools/make_debian_blender

format: .venv/dev/finished ## format, and mend what ruff can
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

clean: ## remove all that was built
	rm -rf --one-file-system .venv build .mypy_cache .pytest_cache .ruff_cache *.egg-info

.venv/dev/finished: pyproject.toml
	$(call build_env,.venv/dev,--editable '.[dev]',$(finder) 3.13 3.12 3.11 3.14)

.venv/demo/finished: pyproject.toml
	$(call build_env,.venv/demo,--editable '.[cli$(comma)bpy$(comma)bench]',$(finder) 3.13 3.11 2>/dev/null || python3 tools/download_python.py 3.13)

# mypy wants a folder of the package's name; a clone may have any.
.venv/types/background_nodes:
	@mkdir -p .venv/types && ln -sfn ../.. $@
