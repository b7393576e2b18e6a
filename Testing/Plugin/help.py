# SPDX-License-Identifier: BSD-3-Clause
"""The pages of ParaView's help: ours is the first, has its pictures, and no link that leads nowhere;
each filter and reader has a page.

    help.py TensorView.qch
"""

import os
import re
import sqlite3
import sys
import unittest
import zlib

HELP = sys.argv[1]
FILES = """SELECT FileNameTable.Name, FileDataTable.Data FROM FileNameTable
           JOIN FileDataTable ON FileNameTable.FileId = FileDataTable.Id"""


class Help(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with sqlite3.connect(f"file:{HELP}?mode=ro", uri=True) as book:
            rows = book.execute(FILES).fetchall()
            cls.contents = book.execute("SELECT Data FROM ContentsTable").fetchone()[0]
        # Qt writes the size of what is packed in front of it.
        cls.files = {os.path.basename(n): zlib.decompress(d[4:]) if d else b"" for n, d in rows}

    def test_ours_is_the_first_page(self):
        text = self.contents.decode("utf-16-be", "replace")
        self.assertIn("index.html", text)
        self.assertLess(text.index("index.html"), text.index("filters.WeightGrid.html"))

    def test_pictures_and_links_are_there(self):
        page = self.files["index.html"].decode()
        pictures = re.findall(r'src="([^"]+)"', page)
        self.assertEqual({"dashboard.png", "comparison.png", "stuck.png"}, set(pictures))
        for name in pictures:
            self.assertEqual(b"\x89PNG", self.files[name][:4], name)
        links = re.findall(r'href="([^"]+)"', page)
        self.assertGreaterEqual(len(links), 8)
        self.assertEqual([], [link for link in links if link not in self.files])

    def test_each_view_is_linked(self):
        page = self.files["index.html"].decode()
        views = [name for name in self.files if name.startswith("filters.")]
        self.assertGreaterEqual(len(views), 8)
        self.assertEqual([], [name for name in views if f'href="{name}"' not in page])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
