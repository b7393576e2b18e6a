# SPDX-License-Identifier: BSD-3-Clause
# Debian packages: cmake --preset package && cmake --build --preset package && cpack --preset package
#
#   tensorview          the ParaView plugin, tensorview-live, the trainers, samples
#   libtensorview1      the C library
#   libtensorview-dev   its headers
#   python3-tensorview  the Python package
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tensorview)
set(CPACK_PACKAGE_VENDOR TensorView)
set(CPACK_PACKAGE_CONTACT "TensorView <tensorview@localhost>")
set(CPACK_PACKAGE_VERSION ${TENSORVIEW_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_COMPONENTS_ALL tensorview libtensorview1 libtensorview-dev python3-tensorview)
set(CPACK_COMPONENTS_GROUPING IGNORE)

set(CPACK_DEBIAN_TENSORVIEW_PACKAGE_NAME tensorview)
set(CPACK_DEBIAN_TENSORVIEW_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TENSORVIEW_PACKAGE_DEPENDS # the last for tensorview-trial
  "paraview, python3-paraview, libtensorview1 (= ${TENSORVIEW_VERSION})")
set(CPACK_DEBIAN_TENSORVIEW_PACKAGE_RECOMMENDS python3-tensorview)
set(CPACK_DEBIAN_TENSORVIEW_PACKAGE_SUGGESTS "xvfb, dataset-fashion-mnist")
set(CPACK_COMPONENT_TENSORVIEW_DESCRIPTION
  "neural networks in training, in ParaView
 The ParaView plugin, the program that follows a training run, trainers and small example runs.")

set(CPACK_DEBIAN_LIBTENSORVIEW1_PACKAGE_NAME libtensorview1)
set(CPACK_DEBIAN_LIBTENSORVIEW1_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBTENSORVIEW1_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBTENSORVIEW1_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENT_LIBTENSORVIEW1_DESCRIPTION
  "records a training run for TensorView
 The C library that a trainer links, and the program in which HDF5 tries files before they are opened.")

set(CPACK_DEBIAN_LIBTENSORVIEW-DEV_PACKAGE_NAME libtensorview-dev)
set(CPACK_DEBIAN_LIBTENSORVIEW-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBTENSORVIEW-DEV_PACKAGE_DEPENDS
  "libtensorview1 (= ${TENSORVIEW_VERSION})")
set(CPACK_COMPONENT_LIBTENSORVIEW-DEV_DESCRIPTION
  "records a training run for TensorView: headers
 What is needed to build a trainer with libtensorview.")

set(CPACK_DEBIAN_PYTHON3-TENSORVIEW_PACKAGE_NAME python3-tensorview)
set(CPACK_DEBIAN_PYTHON3-TENSORVIEW_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON3-TENSORVIEW_PACKAGE_DEPENDS
  "python3, python3-numpy, libtensorview1 (= ${TENSORVIEW_VERSION})")
set(CPACK_DEBIAN_PYTHON3-TENSORVIEW_PACKAGE_RECOMMENDS python3-torch)
set(CPACK_COMPONENT_PYTHON3-TENSORVIEW_DESCRIPTION
  "watches PyTorch networks as they train
 The Python package of TensorView: watch, open, prune, and the shell command tensorview.")
include(CPack)

# What ParaView's build installs beside the plugin, and nobody can use: its modules as archives.
install(CODE [[
  file(GLOB archives "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/bin/plugins/TensorView/*.a")
  if(archives)
    file(REMOVE ${archives})
  endif()]] COMPONENT tensorview)
