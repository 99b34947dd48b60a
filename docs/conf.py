"""How the site is built; what is generated goes to docs/generated and docs/api."""

import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the scripts beside this file
sys.path.insert(0, str(HERE.parent))

import api_pages  # noqa: E402
import draw_strategies  # noqa: E402

import sklearn_triplet  # noqa: E402

project = "sklearn_triplet"
author = "the sklearn_triplet developers"
copyright = author
release = version = sklearn_triplet.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "generated",
    "auto_examples/*.ipynb",
    # these fetch scripts from elsewhere
    "sg_execution_times.rst",
    "**/sg_execution_times.rst",
]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # functions in this file are no settings

# --- pages in Markdown
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# --- reference
autosummary_generate = True
toc_object_entries_show_parents = "hide"  # long names do not fit beside a page
autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False  # templates/class.rst lists them
numpydoc_xref_param_type = False

# --- examples
sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[/\\]plot_",
    # the demo is a command, and no page
    "ignore_pattern": r"^(?!plot_)",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_triplet",),
    "remove_config_comments": True,
    "download_all_examples": False,
    # what is printed is meant to be seen, and no value that a last line happens to have
    "capture_repr": (),
    "show_memory": False,
    "show_signature": False,
    "plot_gallery": "True",  # -D plot_gallery=0 shows the code only
    "matplotlib_animations": False,
}

# --- what is copied is code, not what it printed
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# --- looks
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_triplet"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_use_index = False  # the API page and the search find more
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sklearn_triplet"},
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "back_to_top_button": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# pages without a neighbour below the same heading need no column for it
html_sidebars = {name: [] for name in ("index", "faq", "paper_to_code")}


def write_mathml(translator: nodes.NodeVisitor, node: nodes.Node) -> None:
    """Write a formula as MathML, which every browser shows without a script."""
    is_block = isinstance(node, nodes.math_block)
    code = tex2mathml(node.astext(), as_block=is_block)
    kind = "div" if is_block else "span"
    translator.body.append(f'<{kind} class="math">{code}</{kind}>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Draw and list what the pages include, and register the formulas."""
    both = (write_mathml, None)
    app.add_html_math_renderer("mathml", inline_renderers=both, block_renderers=both)
    draw_strategies.write(HERE / "generated")
    api_pages.write(HERE / "api")
