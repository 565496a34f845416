#pragma once
// The doctor: everything about a data set that has hurt somebody, with the clips it concerns. Changes nothing.
//
//   const CheckReport report = check_dataset(dataset, &tokenizer);
//   std::cout << report.text();
//   if (report.worst() == Severity::error) ...

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/text/wordpiece.h"

namespace kuda {

enum class Severity {
  note,     ///< good to know
  warning,  ///< legal and handled (masked, cleaned, cut), but results depend on how
  error,    ///< do not train on this
};
[[nodiscard]] std::string_view severity_name(Severity severity) noexcept;

struct Finding {
  Severity severity = Severity::note;
  std::string name;                ///< "not_finite", "zero_length", ...: stable, for programs
  std::string modality;            ///< "text", "vision", "audio", or "" for the clip as a whole
  std::string message;             ///< one sentence with counts
  std::vector<std::string> clips;  ///< all ids it concerns; empty when it concerns the set
};

struct CheckReport {
  std::string dataset, source, fingerprint;
  std::int64_t clips = 0;
  std::vector<Finding> findings;
  [[nodiscard]] Severity worst() const noexcept;
  [[nodiscard]] const Finding* find(std::string_view name, std::string_view modality = {}) const noexcept;
  [[nodiscard]] std::string text(std::size_t most_ids = 5) const;
  [[nodiscard]] std::string json() const;
};

/// Reads every feature once. With a tokenizer, the stored token ids are compared with it too.
[[nodiscard]] CheckReport check_dataset(const Dataset& dataset, const WordPiece* tokenizer = nullptr);

}  // namespace kuda
