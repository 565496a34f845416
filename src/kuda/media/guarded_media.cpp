// Pictures, sound and the report as messages.

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/media/guarded.h"

namespace kuda {

/// Every field of the report but the one that may be absent.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MediaReport, container, video_codec, audio_codec, without_decoder, has_video,
                                   has_audio, decoded_seconds, cut_short, width, height, rotation, mirrored, pictures,
                                   decoded_pictures, corrupt_pictures, decode_errors, time_jumps, bad_samples,
                                   padded_sound_seconds, complaints, first_complaint)

namespace {

enum class Part : std::uint32_t { picture, sound, progress, report };
struct PictureHead {
  double time;
  std::int32_t width, height;
  std::uint64_t stride;
  std::uint64_t corrupt;
};

class Sender : public MediaSink {
 public:
  explicit Sender(const SendMessage& send) : send_(send) {}
  void picture(const Picture& picture) override {
    begin(Part::picture);
    add(PictureHead{picture.time, picture.width, picture.height, picture.stride, picture.corrupt});
    add(picture.rgb.data(), picture.rgb.size());
    send_(bytes_);
  }
  void sound(std::span<const float> samples) override {
    begin(Part::sound);
    add(samples.data(), samples.size_bytes());
    send_(bytes_);
  }
  void progress(double seconds) override {
    begin(Part::progress);
    add(seconds);
    send_(bytes_);
  }
  void report(const MediaReport& report) {
    nlohmann::json json = report;
    if (report.declared_seconds) json["declared_seconds"] = *report.declared_seconds;
    const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    begin(Part::report);
    add(text.data(), text.size());
    send_(bytes_);
  }

 private:
  void begin(Part part) {
    bytes_.clear();
    add(std::uint64_t(part));  // eight bytes, so that what follows stays aligned
  }
  void add(const void* from, std::size_t size) {
    const auto* at = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), at, at + size);
  }
  template <class T>
  void add(const T& value) {
    add(&value, sizeof(value));
  }
  const SendMessage& send_;
  std::vector<std::byte> bytes_;
};

/// Reads what a Sender wrote. The child may be damaged, so sizes are checked before they are believed.
class Receiver {
 public:
  Receiver(const std::filesystem::path& path, MediaSink& sink) : path_(path), sink_(sink) {}
  void take(std::span<const std::byte> bytes) {
    switch (static_cast<Part>(head<std::uint64_t>(bytes))) {
      case Part::picture:
        return take_picture(bytes);
      case Part::sound:
        samples_.resize(bytes.size() / sizeof(float));
        std::memcpy(samples_.data(), bytes.data(), samples_.size() * sizeof(float));
        return sink_.sound(samples_);
      case Part::progress:
        return sink_.progress(head<double>(bytes));
      case Part::report:
        return take_report(bytes);
    }
    refuse();
  }
  [[nodiscard]] MediaReport report() const {
    if (!report_) refuse();
    return *report_;
  }

 private:
  [[noreturn]] void refuse() const {
    throw DataError(path_.string() + ": the process that decoded it sent what cannot be: its memory is damaged");
  }
  template <class T>
  T head(std::span<const std::byte>& bytes) const {
    T value{};
    if (bytes.size() < sizeof(value)) refuse();
    std::memcpy(&value, bytes.data(), sizeof(value));
    bytes = bytes.subspan(sizeof(value));
    return value;
  }
  void take_picture(std::span<const std::byte> bytes) {
    const auto said = head<PictureHead>(bytes);
    if (said.width <= 0 || said.height <= 0 || said.stride < 3 * std::uint64_t(said.width) ||
        said.stride > bytes.size() || bytes.size() / said.stride < std::uint64_t(said.height))
      refuse();
    picture_.time = said.time;
    picture_.width = said.width;
    picture_.height = said.height;
    picture_.stride = said.stride;
    picture_.corrupt = said.corrupt != 0;
    picture_.rgb.resize(bytes.size());
    std::memcpy(picture_.rgb.data(), bytes.data(), bytes.size());
    sink_.picture(picture_);
  }
  void take_report(std::span<const std::byte> bytes) {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const auto json = nlohmann::json::parse(text, text + bytes.size(), nullptr, false);
    try {
      report_ = json.get<MediaReport>();
      if (json.contains("declared_seconds")) report_->declared_seconds = json.at("declared_seconds").get<double>();
    } catch (const nlohmann::json::exception&) {
      refuse();
    }
  }
  const std::filesystem::path& path_;
  MediaSink& sink_;
  Picture picture_;
  std::vector<float> samples_;
  std::optional<MediaReport> report_;
};

}  // namespace

MediaReport read_media_guarded(const std::filesystem::path& path, const MediaOptions& options, MediaSink& sink,
                               const MediaLimits& limits) {
  Receiver receiver(path, sink);
  run_guarded(
      path, limits,
      [&](const SendMessage& send) {
        Sender sender(send);
        sender.report(read_media(path, options, sender));
      },
      [&](std::span<const std::byte> message) { receiver.take(message); });
  return receiver.report();
}

}  // namespace kuda
