#include "kuda/extract/speech/written_language.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/utf8.h"
#ifdef KUDA_OPENCC
#include <opencc.h>
#endif

namespace kuda {

std::pair<std::string, std::string> language_and_script(const std::string& language) {
  for (const std::string_view code : {"zh", "yue"})
    for (const std::string_view script : {"Hans", "Hant"})
      if (language == fmt::format("{}-{}", code, script)) return {std::string(code), std::string(script)};
  return {language, ""};
}

bool has_spaces(const std::string& language) {
  constexpr std::array<std::string_view, 6> kWithout{"zh", "ja", "th", "lo", "my", "yue"};
  return std::find(kWithout.begin(), kWithout.end(), language) == kWithout.end();
}

#ifdef KUDA_OPENCC

struct ChineseScript::Converter {
  opencc_t handle;
  std::mutex mutex;  // OpenCC says nothing of threads

  explicit Converter(const std::string& file) : handle(opencc_open(file.c_str())) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): so says opencc.h
    if (handle == reinterpret_cast<opencc_t>(-1))
      throw ConfigError(fmt::format("text.language: OpenCC could not read {}: {}", file, opencc_error()),
                        "install its dictionaries (Debian: libopencc-data)");
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() { opencc_close(handle); }

  std::string operator()(const std::string& text) {
    const std::lock_guard lock(mutex);
    char* made = opencc_convert_utf8(handle, text.data(), text.size());
    if (made == nullptr) throw DataError(fmt::format("OpenCC could not convert '{}': {}", text, opencc_error()));
    std::string converted(made);
    opencc_convert_utf8_free(made);
    return converted;
  }
};

// As people in Taiwan write, because Whisper does; t2s.json would leave a frequent particle (kan zhe) as it is.
ChineseScript::ChineseScript(const std::string& script)
    : converter_(script.empty() ? nullptr : std::make_shared<Converter>(script == "Hans" ? "tw2s.json" : "s2tw.json")) {
}

void ChineseScript::write(Transcript& transcript) const {
  if (!converter_) return;
  const auto before = decode_utf8(transcript.text), after = decode_utf8((*converter_)(transcript.text));
  transcript.text = encode_utf8(after);
  std::size_t place = 0;
  for (auto& word : transcript.words) {
    const auto letters = decode_utf8(word.text);
    const auto found = before.size() == after.size() ? before.find(letters, place) : std::u32string::npos;
    if (found == std::u32string::npos) {  // as near as can be
      word.text = (*converter_)(word.text);
      continue;
    }
    word.text = encode_utf8(after.substr(found, letters.size()));
    place = found + letters.size();
  }
}

#else

struct ChineseScript::Converter {};

ChineseScript::ChineseScript(const std::string& script) {
  if (!script.empty())
    throw ConfigError(
        fmt::format("text.language: this kuda was built without OpenCC, which writes Chinese as {}", script),
        "install it (Debian: libopencc-dev) and build again, or name the language without a script");
}

void ChineseScript::write(Transcript& /*transcript*/) const {}

#endif

}  // namespace kuda
