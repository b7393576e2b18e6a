# SPDX-License-Identifier: BSD-3-Clause
"""Filters that are selected: what is picked in one view of a dashboard is marked in all of them.

ParaView's own selection links pass numbers of cells on, and cell 3 of a weight grid is no pixel of
filter 3. Here a selection is read as the filters that it touches, and handed on as those."""

from .network import simple, text

CELL, ROW = 1, 6  # as vtkDataObject numbers attributes

# What marks filters in each part: its output, what its rows or cells are, and where their number is.
# Of grids the frames and the numbers are marked: outlines of all its pixels would hide a filter.
MARKS = {
    "weights": (1, CELL, ("Filter",)),
    "images": (1, CELL, ("Filter",)),
    "distributions": (1, CELL, ("Filter",)),
    "groups": (3, ROW, ("Filter",)),
    "matrix": (2, CELL, ("Row", "Column")),
}
MOST = 4096  # stretches of filters in one query


def outputs(dashboard, part):
    """The source behind a part: the matrix is an output of the groups."""
    return getattr(dashboard, "groups" if part == "matrix" else part)


def stretches(filters):
    """First and last of each stretch of neighbours in sorted numbers."""
    found = []
    for number in filters:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def query(names, filters):
    """The filters as ParaView's Find Data asks for them."""
    terms = []
    for first, last in stretches(filters)[:MOST]:
        between = "({0} == {1})" if first == last else "(({0} >= {1}) & ({0} <= {2}))"
        terms += [between.format(name, first, last) for name in names]
    return " | ".join(terms)


def mark(dashboard, filters):
    """Marks these filters, and no others, in every part."""
    for part, (port, field, names) in MARKS.items():
        if outputs(dashboard, part) is None:
            continue  # of weight files there are no images
        choose(outputs(dashboard, part).SMProxy, port, field, names, filters)
    dashboard.render()


def clear(dashboard):
    """Nothing is selected any more, neither what is marked nor what was picked."""
    for part in MARKS:
        if outputs(dashboard, part) is None:
            continue
        source = outputs(dashboard, part).SMProxy
        for port in range(source.GetNumberOfOutputPorts()):
            source.CleanSelectionInputs(port)


def choose(source, port, field, names, filters):
    from paraview import selection
    from paraview.modules.vtkRemotingViews import vtkSMSelectionHelper

    if not filters:
        source.CleanSelectionInputs(port)
        return
    wanted = selection._createSelection(
        "SelectionQuerySource", QueryString=query(names, filters), ElementType=field
    )
    # As a picked one is made: picking with Ctrl adds to it.
    appended = vtkSMSelectionHelper.NewAppendSelectionsFromSelectionSource(wanted.SMProxy)
    source.SetSelectionInput(port, appended, 0)
    appended.UnRegister(None)


def selected(dashboard, source, port):
    """The filters that the selection of one output touches, in order. A row of the table of groups
    stands for its whole group."""
    import numpy
    from paraview import servermanager
    from vtkmodules.util.numpy_support import vtk_to_numpy

    chosen = source.SMProxy.GetSelectionInput(port)
    if chosen is None:
        return []
    extract = servermanager.filters.ExtractSelection(
        Input=servermanager.OutputPort(source, port),
        Selection=servermanager._getPyProxy(chosen),
    )
    extract.UpdatePipeline(simple().GetTimeKeeper().Time)
    data = servermanager.Fetch(extract)
    table = source.SMProxy == dashboard.groups.SMProxy
    found = set()
    for block in blocks(data):
        for attributes in [block.GetAttributes(kind) for kind in (CELL, 0, ROW)]:
            names = ("Row", "Column") if table and port == 2 else ("Filter",)
            arrays = [attributes and attributes.GetArray(name) for name in names]
            arrays = [vtk_to_numpy(array) for array in arrays if array]
            if not arrays:
                continue
            numbers = numpy.unique(numpy.concatenate(arrays))
            found.update(int(number) for number in numbers if number >= 0)
            groups = attributes.GetArray("Group") if table and port in (1, 3) else None
            if groups:
                found.update(members(source, port, set(vtk_to_numpy(groups).tolist())))
            break
    return sorted(found)


def members(source, port, groups):
    """All filters of these groups; -1 is none."""
    from paraview import servermanager
    from vtkmodules.util.numpy_support import vtk_to_numpy

    table = servermanager.Fetch(source, idx=port)
    filters = vtk_to_numpy(table.GetColumnByName("Filter"))
    of = vtk_to_numpy(table.GetColumnByName("Group"))
    return [int(f) for f, group in zip(filters, of) if group >= 0 and group in groups]


def blocks(data):
    """The data sets and tables in what was fetched."""
    if hasattr(data, "NewIterator"):
        each = data.NewIterator()
        each.InitTraversal()
        while not each.IsDoneWithTraversal():
            yield each.GetCurrentDataObject()
            each.GoToNextItem()
    elif data is not None:
        yield data


def first_weights(dashboard, number, count=3):
    """The flat indices of a filter's first weights, and so many only as it has."""
    field = dashboard.weights.GetDataInformation().GetFieldDataInformation()
    size = 1
    for name in ("Channels", "Rows", "Columns"):
        array = field.GetArrayInformation(name)
        if array is None:
            return []
        size *= max(1, int(array.GetComponentRange(0)[0]))
    first = number * size
    return [first + min(i, size - 1) for i in range(count)]


def follow(dashboard, number):
    """The trajectory and the history take this filter's weights."""
    elements = first_weights(dashboard, number)
    tensor = text(dashboard.reader, "HistoryTensor")
    if len(set(elements)) < 2 or tensor != text(dashboard.weights, "Tensor"):
        return
    dashboard.reader.HistoryElements = f"{elements[0]}-{elements[-1]}"
    dashboard.show_history()
