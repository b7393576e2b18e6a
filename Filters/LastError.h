/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LastError_h
#define LastError_h

#include "vtkType.h" // for vtkMTimeType

#include <string>

/// What a filter said last. A pipeline asks again and again for what it did not get, and what is
/// wrong at one step is wrong at the next: it is said once, until a property changes.
class LastError
{
public:
  /// Whether to say it, given the filter's GetMTime().
  bool IsNew(const std::string &sentence, vtkMTimeType now)
  {
    const bool is = sentence != this->Sentence || now != this->Time;
    this->Sentence = sentence;
    this->Time = now;
    return is;
  }

private:
  std::string Sentence;
  vtkMTimeType Time = 0;
};

#endif
