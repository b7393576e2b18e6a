/// What our use of HDF5 shares: handles that close themselves, silence, and reasons in words.
#ifndef Hdf5Handle_h
#define Hdf5Handle_h

#include "vtk_hdf5.h"

#include <stdexcept> // for RunFileFailure
#include <string>    // for names
#include <vector>    // for shapes

/// One sentence that says what is wrong with a run file. Thrown inside RunFile, never out of it.
struct RunFileFailure : std::runtime_error
{
  using std::runtime_error::runtime_error;
};

/// An identifier of any kind (file, group, dataset, type, space, property list, attribute) that is
/// released at the end of its scope. Negative: none.
class Hdf5Handle
{
public:
  explicit Hdf5Handle(hid_t id = -1) : Id(id) {}
  ~Hdf5Handle() { this->Reset(); }
  Hdf5Handle(Hdf5Handle &&other) noexcept : Id(other.Id) { other.Id = -1; }
  Hdf5Handle &operator=(Hdf5Handle &&other) noexcept
  {
    if (this != &other) {
      this->Reset();
      this->Id = other.Id;
      other.Id = -1;
    }
    return *this;
  }
  Hdf5Handle(const Hdf5Handle &) = delete;
  Hdf5Handle &operator=(const Hdf5Handle &) = delete;

  operator hid_t() const { return this->Id; }
  explicit operator bool() const { return this->Id >= 0; }
  void Reset()
  {
    if (this->Id >= 0)
      H5Idec_ref(this->Id);
    this->Id = -1;
  }

private:
  hid_t Id;
};

/// HDF5 prints its stack of errors by default; within this scope it does not.
class Hdf5Silence
{
public:
  Hdf5Silence()
  {
    H5Eget_auto2(H5E_DEFAULT, &this->Function, &this->Data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Hdf5Silence() { H5Eset_auto2(H5E_DEFAULT, this->Function, this->Data); }
  Hdf5Silence(const Hdf5Silence &) = delete;
  Hdf5Silence &operator=(const Hdf5Silence &) = delete;

private:
  H5E_auto2_t Function = nullptr;
  void *Data = nullptr;
};

/// The library's own account of the first thing that went wrong, for the end of a sentence.
std::string Hdf5Reason();

/// The sizes of a dataset; empty where it has no axes.
std::vector<hsize_t> Hdf5Extent(hid_t dataset);

/// The shape of its chunks; its own sizes where it is stored in one piece.
std::vector<hsize_t> Hdf5Chunk(hid_t dataset);

/// The product of sizes as a double, which does not overflow: for bounds, not for counts.
double Hdf5Product(const std::vector<hsize_t> &sizes);

/// The names in a group, in order.
std::vector<std::string> Hdf5Children(hid_t group);

#endif
