# SPDX-License-Identifier: BSD-3-Clause
"""What a run has: layers, in the order of the file, and the tensors of each."""

import atexit
import os

# What each view shows of a layer, the best first: where a layer has none of these, what it has.
WEIGHTS = ("weights", "kernel", "bias", "gradients")
ACTIVATIONS = ("activations", "outputs", "maps")


def simple():
    """paraview.simple, with the plugin's own functions, whenever it was imported."""
    from paraview import servermanager
    from paraview import simple as pv

    if not hasattr(pv, "SimilarityGroups") and hasattr(servermanager.filters, "SimilarityGroups"):
        pv._add_functions(pv.__dict__)
    if not hasattr(pv, "SimilarityGroups"):
        raise RuntimeError("the TensorView plugin is not loaded: LoadPlugin('TensorView.so') first")
    return pv


def in_window():
    """Whether this is ParaView's window, which gives views their sizes. ParaView's own fromGUI is
    true in the Python shell only, not in what a button or --script calls."""
    import paraview

    try:
        program = os.path.basename(os.readlink("/proc/self/exe"))
    except OSError:
        program = ""
    return bool(paraview.fromGUI) or program.startswith("paraview")


def strings(proxy, name):
    """The names that a property offers, in their order: the first of each pair."""
    information = proxy.SMProxy.GetProperty(name)
    proxy.SMProxy.UpdatePropertyInformation(information)
    count = information.GetNumberOfElements()
    return [information.GetElement(i) for i in range(0, count, 2)]


def text(proxy, name):
    """The value of a property of one text."""
    return proxy.SMProxy.GetProperty(name).GetElement(0)


def is_statistics(tensor):
    """Whether a tensor is what was measured of the units of another."""
    return tensor.endswith(("_statistics", "_statistics_ranges"))


class Network:
    """The layers of a run that have tensors; has_statistics: whether what is measured of units was
    recorded, of these or of others. reader: a TensorSnapshotReader, or another source of tensors."""

    def __init__(self, reader):
        self.reader = reader
        reader.UpdatePipelineInformation()
        self.tensors = {}  # layer -> kinds
        names = strings(reader, "TensorInfo")
        self.has_statistics = any(map(is_statistics, names))
        for tensor in (name for name in names if not is_statistics(name)):
            layer, _, kind = tensor.rpartition("/")
            self.tensors.setdefault(layer, []).append(kind)
        self.layers = list(self.tensors)

    def find(self, layer, wanted):
        """The tensor of the layer whose kind is the first of those wanted, or its first one."""
        kinds = self.tensors[layer]
        for kind in wanted:
            if kind in kinds:
                return f"{layer}/{kind}"
        return f"{layer}/{kinds[0]}"

    def weights(self, layer):
        return self.find(layer, WEIGHTS)

    def activations(self, layer):
        return self.find(layer, ACTIVATIONS)

    def has(self, layer, kinds):
        return any(kind in self.tensors[layer] for kind in kinds)

    def first(self):
        """The layer to begin with: the first that has weights and activations, or the first."""
        if not self.layers:
            raise ValueError("the run has no tensors")
        for layer in self.layers:
            if self.has(layer, WEIGHTS) and self.has(layer, ACTIVATIONS):
                return layer
        return self.layers[0]

    def complete(self, text):
        return complete(text, self.layers)


def complete(text, layers):
    """The layer of that name, or the only one that it begins."""
    if text in layers:
        return text
    some = [layer for layer in layers if layer.startswith(text)]
    if len(some) == 1:
        return some[0]
    raise ValueError(f'there is no layer "{text}" in the run; it has {", ".join(layers) or "none"}')


def go_to_last(pv):
    """The last time step, and so that a state says it: pvpython's own scene forgets its time."""
    scene = pv.GetAnimationScene()
    scene.UpdateAnimationUsingDataTimeSteps()
    scene.GoToLast()
    scene.AnimationTime = pv.GetTimeKeeper().Time


def close_at_exit(views):
    """pvpython ends with an error of the X server where views are still open."""

    def close():
        for view in views.values():
            try:
                view.SMProxy.GetSession() and simple().Delete(view)
            except (AttributeError, RuntimeError):
                pass  # it is gone already

    if not in_window():
        atexit.register(close)


def run_name(reader):
    """The name of the run: that of its file, without folder and ending, or of its channel."""
    name = reader.SMProxy.GetProperty("FileName").GetElement(0) or "run"
    if name.startswith("ring:"):
        return name[len("ring:") :]
    return os.path.splitext(os.path.basename(name))[0]
