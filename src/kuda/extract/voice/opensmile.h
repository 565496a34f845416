#pragma once
// Descriptors by openSMILE, from a library that the user has and names: eGeMAPSv02, the 25 columns of CH-SIMS v2's
// audio (Eyben et al. 2016). kuda neither holds nor fetches openSMILE, and nothing here is needed without it.
//
// openSMILE is under the audEERING research licence: research and teaching, no commercial use. What it computes from
// your sounds and what is trained on that are your affair under that licence; the log says so once.
//
//   OpenSmile smile(".../opensmile/core/bin/manylinux_2_17_x86_64/libSMILEapi.so", ".../opensmile/core/config");
//   const auto [values, times] = smile.descriptors(samples, 16000);       // [F, 25], centres in seconds
//   const auto audio = lay_on_axis(values, times, {frames, 100});         // axis.h

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

struct SmileDescriptors {
  at::Tensor values;          ///< [F, 25] float32
  std::vector<double> times;  ///< seconds, the middle of what each row describes
};

class OpenSmile {
 public:
  /// Its library and the folder of its configurations (with egemaps/v02 and shared), both in the wheel `opensmile`.
  /// Throws ConfigError naming what is missing.
  OpenSmile(const std::filesystem::path& library, const std::filesystem::path& configurations);
  OpenSmile(const OpenSmile&) = delete;
  OpenSmile& operator=(const OpenSmile&) = delete;
  ~OpenSmile();
  /// Names of the columns, as openSMILE gives them.
  [[nodiscard]] const std::vector<std::string>& columns() const noexcept;
  /// "openSMILE of the Python package 2.6.0, SHA-256 0123...": of the library; the version where the package says it.
  [[nodiscard]] const std::string& identity() const noexcept { return identity_; }
  /// samples [S] float32 in -1..1, mono; openSMILE gets them as 16 bits. No rows where the sound is shorter than its
  /// windows (60 ms). Throws ShapeError, and Error with openSMILE's own words.
  [[nodiscard]] SmileDescriptors descriptors(const at::Tensor& samples, int sample_rate) const;

 private:
  struct Functions;
  std::unique_ptr<Functions> functions_;
  std::filesystem::path configurations_;
  std::vector<std::string> columns_;
  std::string identity_;
};

}  // namespace kuda
