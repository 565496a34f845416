#include "kuda/serve/clip_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/json_place.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"

namespace kuda {
namespace {

constexpr double kLargestFeature = 1e9;  // extractors give far less; openapi.json says it, too
const std::vector<std::string> kClipKeys{"id",     "text",  "token_ids", "text_features",
                                         "vision", "audio", "clip",      "without"};
const std::vector<std::string> kRequestKeys{"clips", "attention", "count"};

bool is_request_key(const std::string& key) {
  return std::find(kRequestKeys.begin(), kRequestKeys.end(), key) != kRequestKeys.end();
}

/// Where the parser stands: each state knows which events may follow.
enum class Place { start, request, clips, clip, ids, names, matrix, row, end };

class ClipParser final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit ClipParser(const ClipLimits& limits) : limits_(limits) {}

  ClipRequest take() {
    if (request_.clips.empty()) throw DataError("request: expected at least one clip, found none");
    return std::move(request_);
  }

  bool null() override {
    if (place_ == Place::matrix || place_ == Place::row) unexpected("null");
    if ((place_ != Place::clip && place_ != Place::request) || key_ == "clips") unexpected("null");
    return true;  // "audio": null is a clip without audio
  }
  bool boolean(bool value) override {
    if (place_ != Place::request || key_ != "attention") unexpected(value ? "true" : "false");
    request_.with_attention = value;
    return true;
  }
  bool number_integer(number_integer_t value) override { return number(double(value), value, true); }
  bool number_unsigned(number_unsigned_t value) override {
    return number(double(value), std::int64_t(std::min<number_unsigned_t>(value, INT64_MAX)), true);
  }
  bool number_float(number_float_t value, const string_t&) override { return number(value, 0, false); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const auto fault = json_fault(error);
    const bool is_of_another_charset = fault.find("UTF-8") != std::string::npos;
    throw DataError("request: not JSON: " + fault,
                    is_of_another_charset ? "send UTF-8, or name it: Content-Type: application/json; charset=gbk" : "");
  }

 private:
  [[nodiscard]] std::string where() const;
  [[nodiscard]] ClipInput& clip() { return request_.clips.back(); }
  bool number(double value, std::int64_t whole, bool is_whole);
  void begin_clip();
  void finish_matrix();
  [[noreturn]] void unexpected(const std::string& found) const;

  const ClipLimits& limits_;
  ClipRequest request_;
  Place place_ = Place::start;
  std::string key_;            ///< the last one
  std::vector<float> values_;  ///< of the matrix that is being read
  std::size_t rows_ = 0;       ///< of it, begun
  std::size_t width_ = 0;      ///< of its first row, once that has ended
};

std::string ClipParser::where() const {
  if (place_ == Place::start || place_ == Place::end) return "request";
  if (place_ == Place::request && (key_.empty() || is_request_key(key_))) return key_.empty() ? "request" : key_;
  if (place_ == Place::clips) return "clips";
  std::string text = request_.is_list ? fmt::format("clips[{}]", request_.clips.size() - 1) : "clip";
  if (!key_.empty()) text += "." + key_;
  if (place_ == Place::row) text += fmt::format("[{}]", rows_ - 1);
  return text;
}

void ClipParser::unexpected(const std::string& found) const {
  const char* expected = "nothing more";
  if (place_ == Place::start) expected = "an object, one clip or {\"clips\": [...]}";
  if (place_ == Place::clips) expected = "an object, one clip";
  if (place_ == Place::ids) expected = "a whole number";
  if (place_ == Place::names) expected = "the name of a modality";
  if (place_ == Place::matrix) expected = "rows of numbers, [[...], ...]";
  if (place_ == Place::row) expected = "a number";
  if (place_ == Place::request || place_ == Place::clip)
    expected = key_ == "id" || key_ == "text" || key_ == "clip" ? "a string"
               : key_ == "attention"                            ? "true or false"
               : key_ == "count"                                ? "a whole number"
               : key_ == "clips"                                ? "a list of clips"
               : key_ == "without"                              ? "a list of names of modalities"
               : key_ == "token_ids"                            ? "a list of whole numbers"
                                                                : "rows of numbers, [[...], ...]";
  throw DataError(fmt::format("{}: expected {}, found {}", where(), expected, found));
}

bool ClipParser::number(double value, std::int64_t whole, bool is_whole) {
  if (place_ == Place::ids) {
    if (!is_whole) unexpected(fmt::format("{}", value));
    if (clip().token_ids.size() >= limits_.text_bytes)
      throw DataError(fmt::format("{}: more than {} ids", where(), limits_.text_bytes));
    clip().token_ids.push_back(whole);
    return true;
  }
  if (place_ == Place::request && key_ == "count") {
    if (!is_whole || whole < 1 || whole > kMostNearest)
      throw DataError(
          fmt::format("count: expected a whole number from 1 to {}, found {}", kMostNearest, is_whole ? whole : value));
    request_.nearest = whole;
    return true;
  }
  if (place_ != Place::row) unexpected("a number");
  const auto single = float(value);
  if (!std::isfinite(single)) throw DataError(fmt::format("{}: {} is not finite in float32", where(), value));
  if (std::abs(value) > kLargestFeature)
    throw DataError(fmt::format("{}: expected a feature from {} to {}, found {}", where(), -kLargestFeature,
                                kLargestFeature, value),
                    "a model's sums and products of such features are not finite");
  if (width_ > 0 && values_.size() == rows_ * width_)
    throw DataError(fmt::format("{}: expected {} features as in the first frame, found more", where(), width_));
  values_.push_back(single);
  return true;
}

bool ClipParser::string(string_t& value) {
  if (place_ == Place::names) {
    leave_out(value, where(), clip());
    return true;
  }
  const bool is_in_clip = place_ == Place::clip || (place_ == Place::request && !request_.is_list);
  if (!is_in_clip || (key_ != "id" && key_ != "text" && key_ != "clip")) unexpected("a string");
  if (value.size() > limits_.text_bytes)
    throw DataError(fmt::format("{}: expected at most {} bytes, found {}", where(), limits_.text_bytes, value.size()));
  if (place_ == Place::request) begin_clip();
  if (key_ == "text")
    clip().text = value;
  else
    (key_ == "id" ? clip().id : clip().clip) = value;
  return true;
}

void ClipParser::begin_clip() {
  if (request_.clips.empty()) request_.clips.emplace_back();
}

bool ClipParser::start_object(std::size_t) {
  if (place_ == Place::start) {
    place_ = Place::request;
  } else if (place_ == Place::clips) {
    if (request_.clips.size() >= limits_.clips)
      throw DataError(fmt::format("clips: expected at most {}, found more", limits_.clips), "send several requests");
    request_.clips.emplace_back();
    place_ = Place::clip;
  } else {
    unexpected("an object");
  }
  key_.clear();
  return true;
}

bool ClipParser::key(string_t& name) {
  auto known = kClipKeys;
  if (place_ == Place::request) known.insert(known.end(), kRequestKeys.begin(), kRequestKeys.end());
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    key_.clear();
    const auto shown = name.substr(0, 40);  // a key may be as long as the body
    throw DataError(fmt::format("{}: unknown key '{}'", where(), shown), suggestion(shown, known));
  }
  key_ = name;
  const bool is_of_clip = place_ == Place::request && !is_request_key(name);
  if (is_of_clip && request_.is_list)
    throw DataError(fmt::format("request: '{}' beside 'clips'", name), "put it into each clip");
  if (is_of_clip) begin_clip();
  if (name == "clips" && !request_.clips.empty())
    throw DataError("request: 'clips' beside the keys of one clip, or twice", "put them into each clip");
  return true;
}

bool ClipParser::end_object() {
  place_ = place_ == Place::clip ? Place::clips : Place::end;
  key_.clear();
  return true;
}

bool ClipParser::start_array(std::size_t) {
  if (place_ == Place::matrix) {
    if (++rows_ > limits_.frames)
      throw DataError(fmt::format("{}: expected at most {} frames, found more", where(), limits_.frames));
    place_ = Place::row;
    return true;
  }
  if (place_ != Place::request && place_ != Place::clip) unexpected("a list");
  if (key_ == "clips" && place_ == Place::request) {
    request_.is_list = true;
    place_ = Place::clips;
    return true;
  }
  if (key_ == "token_ids") {
    clip().token_ids.clear();
    place_ = Place::ids;
    return true;
  }
  if (key_ == "without") {
    clip().without = {};
    place_ = Place::names;
    return true;
  }
  if (key_ != "text_features" && key_ != "vision" && key_ != "audio") unexpected("a list");
  values_.clear();
  rows_ = width_ = 0;
  place_ = Place::matrix;
  return true;
}

bool ClipParser::end_array() {
  const auto back = request_.is_list ? Place::clip : Place::request;
  if (place_ == Place::row) {
    if (rows_ == 1) width_ = values_.size();
    if (width_ == 0) throw DataError(where() + ": expected at least one feature, found none");
    if (values_.size() != rows_ * width_)
      throw DataError(fmt::format("{}: expected {} features as in the first frame, found {}", where(), width_,
                                  values_.size() - (rows_ - 1) * width_));
    place_ = Place::matrix;
  } else if (place_ == Place::matrix) {
    finish_matrix();
    place_ = back;
  } else if (place_ == Place::ids || place_ == Place::names) {
    place_ = back;
  } else if (place_ == Place::clips) {
    place_ = Place::request;
    key_.clear();
  }
  return true;
}

void ClipParser::finish_matrix() {
  auto& target = key_ == "vision" ? clip().vision : key_ == "audio" ? clip().audio : clip().text_features;
  target.reset();
  if (rows_ > 0) target = own_frames(std::exchange(values_, {}), std::int64_t(width_));
}

}  // namespace

void leave_out(std::string_view name, const std::string& field, ClipInput& clip) {
  const auto asked = lower_case(name);
  std::vector<std::string> known;
  for (const auto modality : kModalities) {
    known.emplace_back(modality_name(modality));
    if (asked != known.back() && asked != lower_case(std::string(1, letter(modality)))) continue;
    clip.without[modality] = true;
    return;
  }
  const auto shown = name.substr(0, 40);
  throw DataError(fmt::format("{}: unknown modality '{}'", field, shown), suggestion(shown, known) + ", or T, V, A");
}

ClipRequest parse_clips(std::string_view body, const ClipLimits& limits) {
  ClipParser parser(limits);
  nlohmann::json::sax_parse(body, &parser);
  return parser.take();
}

}  // namespace kuda
