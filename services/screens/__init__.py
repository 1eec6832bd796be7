"""The frame that every service's pages stand in: layout, static files, signing in, error pages, forms, the live reader.

A page is one more thin door of its service (`services/<service>/pages`, `templates/`); what all of them need is here.
"""
