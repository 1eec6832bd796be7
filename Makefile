# The only commands anyone needs. They work on a machine with Python 3.11 or newer and make.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help run demo test check format lock docs clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile
