# SPDX-License-Identifier: BSD-3-Clause
"""Where windows stand, from the words of Filters/Kernels/grid.h alone: what the views are judged by.
"""

import math

import numpy as np


def near_square(n):
    """Rows and columns: exact with columns <= 2 rows where that exists, otherwise the last row is
    incomplete."""
    exact = [r for r in range(1, math.isqrt(n) + 1) if n % r == 0 and n // r <= 2 * r]
    rows = exact[-1] if exact else math.isqrt(n)
    return rows, -(-n // rows)


class Grid:
    def __init__(self, filters, channels, height, width):
        longest = max(height, width)
        self.shape = (filters, channels, height, width)
        self.rows, self.columns = near_square(filters)
        self.panels = (1, channels) if channels <= 4 else near_square(channels)
        self.gap = 0 if longest == 1 else max(1, longest // 16)
        self.panel_gap = 3 * max(1, self.gap)
        self.pixel = 1.0 / longest

    def span(self, count, size, gap):
        return count * size + (count - 1) * gap

    def panel(self):
        """Height and width of one panel in pixels."""
        _, _, height, width = self.shape
        return self.span(self.rows, height, self.gap), self.span(self.columns, width, self.gap)

    def window(self, filter, channel):
        """Lower left pixel (x, y) of a window."""
        _, _, height, width = self.shape
        panel_height, panel_width = self.panel()
        return (
            channel % self.panels[1] * (panel_width + self.panel_gap)
            + filter % self.columns * (width + self.gap),
            channel // self.panels[1] * (panel_height + self.panel_gap)
            + filter // self.columns * (height + self.gap),
        )

    def size(self):
        """Height and width of the mosaic in pixels."""
        panel = self.panel()
        return tuple(self.span(self.panels[i], panel[i], self.panel_gap) for i in range(2))

    def mosaic(self, values, blank=np.nan, skip=()):
        """The mosaic of values [filters, channels, height, width], its first row the lowest."""
        out = np.full(self.size(), blank, np.asarray(values).dtype)
        filters, channels, height, width = self.shape
        for filter in range(filters):
            for channel in range(channels):
                if filter not in skip:
                    x, y = self.window(filter, channel)
                    out[y : y + height, x : x + width] = values[filter, channel, ::-1]
        return out

    def pixels(self):
        """(x, y) of the lower left corner of each value, [filters, channels, height, width, 2]."""
        filters, channels, height, width = self.shape
        out = np.zeros(self.shape + (2,))
        for filter in range(filters):
            for channel in range(channels):
                x, y = self.window(filter, channel)
                out[filter, channel, :, :, 0] = x + np.arange(width)[None, :]
                out[filter, channel, :, :, 1] = y + (height - 1 - np.arange(height))[:, None]
        return out


def indices(shape):
    """Filter, Channel, Row, Column of each value in tensor order, by name."""
    grids = np.indices(shape).reshape(4, -1)
    return dict(zip(("Filter", "Channel", "Row", "Column"), grids))
