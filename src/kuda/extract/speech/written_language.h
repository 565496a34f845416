#pragma once
// How languages are written: with or without spaces, and Chinese in one script. Whisper writes it now in simplified,
// now in traditional characters, from sentence to sentence; an encoder that was trained on one of them reads the other
// as other words. OpenCC (Apache-2.0) turns one into the other.

#include <memory>
#include <string>
#include <utility>

#include "kuda/extract/speech/speech.h"

namespace kuda {

/// "zh-Hans" -> "zh" and "Hans", the script (BCP 47): Hans is simplified, Hant traditional, and both of zh and yue
/// alone. Anything else -> itself and "".
[[nodiscard]] std::pair<std::string, std::string> language_and_script(const std::string& language);

/// Whether a language (its code) puts spaces between words.
[[nodiscard]] bool has_spaces(const std::string& language);

class ChineseScript {
 public:
  /// "Hans", "Hant", or "": nothing is changed. Throws ConfigError where kuda was built without OpenCC, or its
  /// dictionaries are missing.
  explicit ChineseScript(const std::string& script = {});
  /// The text and its words (which stand in it, in their order) in the script. A letter becomes a letter; which one may
  /// depend on its neighbours.
  void write(Transcript& transcript) const;

 private:
  struct Converter;
  std::shared_ptr<Converter> converter_;
};

}  // namespace kuda
