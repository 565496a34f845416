// Golden facts of no model: padding masks, and those that are json: metrics, learning-rate schedule, tokenizer. (The
// pickles have their own test in io/.)

#include <fmt/format.h>

#include <cmath>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/schedule.h"
#include "kuda/metrics/metrics.h"
#include "kuda/text/wordpiece.h"

namespace kuda::golden {
namespace {

using nlohmann::json;

/// Counts facts and keeps the first few that do not hold.
struct Tally {
  std::size_t compared = 0, failed = 0;
  std::string text;
  void expect(bool holds, const std::string& what) {
    ++compared;
    if (holds) return;
    if (++failed <= 10) text += "  FAIL " + what + '\n';
  }
};

void check_metrics(const json& file, Tally& tally) {
  for (const auto& fact : file.at("cases")) {
    const auto predictions = fact.at("pred"), labels = fact.at("label");
    const auto values = [](const json& list) {
      std::vector<float> numbers;
      for (const auto& item : list)
        numbers.push_back(item.is_number() ? item.get<float>() : std::numeric_limits<float>::quiet_NaN());
      return numbers;
    };
    for (const auto& [family, implementations] : fact.at("families").items()) {
      const auto metrics = evaluate_metrics(metric_family(family), values(predictions), values(labels));
      for (const std::string implementation : {"mmsa", "kuda"}) {
        for (const auto& [name, stored] : implementations.at(implementation).at("unrounded").items()) {
          if (name == "raises") continue;  // the reference fails; ours gives NaN for what is undefined
          const bool is_legacy = implementation == "kuda" && name.find("F1") != std::string::npos;
          const double value = metrics.value(is_legacy ? "legacy_" + name : name);
          const auto where =
              fmt::format("{} {} {} {}: {}", fact.at("name").get<std::string>(), family, implementation, name, value);
          if (!stored.is_number()) {
            tally.expect(std::isnan(value), where + ", stored nan");
            continue;
          }
          // Absolute 1e-6; a mean of large values is a float32 mean in the reference, hence relative there.
          const double expected = stored.get<double>();
          tally.expect(std::abs(value - expected) <= 1e-6 * std::max(1.0, std::abs(expected)),
                       fmt::format("{}, stored {}", where, expected));
        }
      }
    }
  }
}

void check_schedule(const json& file, Tally& tally) {
  for (const auto& fact : file.at("cases")) {
    const std::int64_t epochs = fact.at("n_epochs");
    const auto& rates = fact.at("lr_per_epoch");
    const auto bases = fact.at("base_lr").get<std::vector<double>>();
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
      const auto& stored = rates[static_cast<std::size_t>(epoch)];
      for (std::size_t group = 0; group < bases.size(); ++group) {
        const double expected = stored.is_array() ? stored[group].get<double>() : stored.get<double>();
        const double value = learning_rate(Schedule::released, bases[group], epoch, epochs);
        tally.expect(std::abs(value - expected) <= std::max(1e-15, 1e-9 * std::abs(expected)),
                     fmt::format("{} epochs, epoch {}: {} stored {}", epochs, epoch + 1, value, expected));
      }
    }
  }
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

void check_tokenizer(const json& file, const std::filesystem::path& path, Tally& tally) {
  // The vocabularies are published apart from the golden files: beside them in the same collection.
  const auto vocabulary = path.parent_path().parent_path().parent_path() / "data" / "vocab" /
                          file.at("vocab").get<std::string>() / "vocab.txt";
  const auto tokenizer = WordPiece::load(vocabulary);
  const auto check = [&](const std::string& text, const json& fact) {
    tally.expect(tokenizer.tokens(text) == fact.at("tokens").get<std::vector<std::string>>(), "tokens of: " + text);
    for (const std::int64_t length : {39, 50}) {
      const auto ids = tokenizer.encode(text, length);
      tally.expect(ids.ids == fact.at(fmt::format("ids_{}", length)).get<std::vector<std::int64_t>>() &&
                       ids.length == fact.at(fmt::format("n_{}", length)).get<std::int64_t>(),
                   fmt::format("{} ids of: {}", length, text));
    }
  };
  for (const auto& fact : file.at("cases")) check(fact.at("text"), fact);
  for (const auto& fact : file.at("bytes_cases")) check(bytes_of(fact.at("utf8_hex")), fact);
}

}  // namespace

void check_common(const GoldenCase& golden, GoldenReport& report) { check_windows(golden, report); }

bool check_json(const std::filesystem::path& path, std::string& text) {
  const auto file = json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  Tally tally;
  if (file.contains("vocab"))
    check_tokenizer(file, path, tally);
  else if (file.contains("cases") && file["cases"].at(0).contains("families"))
    check_metrics(file, tally);
  else if (file.contains("cases") && file["cases"].at(0).contains("lr_per_epoch"))
    check_schedule(file, tally);
  else
    throw DataError(path.string() + ": no check for this kind of json",
                    "metrics.json, schedule.json and tokenizer_*.json are checked here");
  text = fmt::format("{} {}: {} facts compared, {} do not hold\n{}", tally.failed == 0 ? "PASS" : "FAIL",
                     path.filename().string(), tally.compared, tally.failed, tally.text);
  return tally.failed == 0;
}

}  // namespace kuda::golden
