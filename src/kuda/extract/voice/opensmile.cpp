#include "kuda/extract/voice/opensmile.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"

namespace kuda {

namespace {

constexpr const char* kSource = "extsource";  // names in its configurations
constexpr const char* kSink = "extsink";

// What its C interface passes (SMILEapi, openSMILE 3).
struct SmileOption {
  const char* name;
  const char* value;
};
struct SmileFrame {
  long index;
  double time, period, length;  // seconds; time: of the first sample
};
using SmileCallback = int (*)(const float* values, long frames, long columns, const SmileFrame* frame, void* where);

struct Rows {
  std::vector<float> values;
  std::vector<double> times;
};

/// Of a library in opensmile/core/bin/..., by the name of the folder opensmile-2.6.0.dist-info beside; else empty.
std::string package_version(const std::filesystem::path& configurations) {
  constexpr std::string_view kBegin = "opensmile-", kEnd = ".dist-info";
  std::error_code refused;
  const auto package = std::filesystem::canonical(configurations, refused).parent_path().parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(package.parent_path(), refused)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(kBegin) && name.ends_with(kEnd))
      return name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
  }
  return {};
}

int keep_row(const float* values, long frames, long columns, const SmileFrame* frame, void* where) {
  auto& rows = *static_cast<Rows*>(where);
  rows.values.insert(rows.values.end(), values, values + frames * columns);
  for (long i = 0; i < frames; ++i) rows.times.push_back(frame->time + double(i) * frame->period + frame->length / 2);
  return 1;
}

}  // namespace

struct OpenSmile::Functions {
  explicit Functions(const std::filesystem::path& path)
      : library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)), name(path.string()) {
    if (library == nullptr)
      throw ConfigError(fmt::format("openSMILE: {}", dlerror()),
                        "name libSMILEapi.so, for example of the Python package opensmile (research licence)");
    find(create, "smile_new");
    find(initialize, "smile_initialize");
    find(run, "smile_run");
    find(destroy, "smile_free");
    find(write, "smile_extaudiosource_write_data");
    find(end, "smile_extaudiosource_set_external_eoi");
    find(set_callback, "smile_extsink_set_data_callback_ex");
    find(count_columns, "smile_extsink_get_num_elements");
    find(column_name, "smile_extsink_get_element_name");
    find(message, "smile_error_msg");
  }

  // Never unloaded: it keeps statics of its own.
  void* library;
  std::string name;
  void* (*create)() = nullptr;
  int (*initialize)(void*, const char* configuration, int count, const SmileOption*, int log_level, int debug,
                    int console, const char* log_file) = nullptr;
  int (*run)(void*) = nullptr;
  void (*destroy)(void*) = nullptr;
  int (*write)(void*, const char* component, const void* bytes, int count) = nullptr;
  int (*end)(void*, const char* component) = nullptr;
  int (*set_callback)(void*, const char* component, SmileCallback, void* where) = nullptr;
  int (*count_columns)(void*, const char* component, long* count) = nullptr;
  int (*column_name)(void*, const char* component, long, const char** name) = nullptr;
  const char* (*message)(void*) = nullptr;

 private:
  template <class Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(library, symbol));
    if (function == nullptr)
      throw ConfigError(fmt::format("{}: has no function {}: expected the library of openSMILE 3", name, symbol),
                        "it is called libSMILEapi.so");
  }
};

namespace {

/// One run of openSMILE.
template <class Functions>
class Session {
 public:
  Session(const Functions& functions, const std::filesystem::path& configurations, int sample_rate)
      : functions_(functions), handle_(functions.create()) {
    const auto shared = configurations / "shared";
    const std::vector<std::pair<std::string, std::string>> options{
        {"source", (shared / "standard_external_wave_input.conf.inc").string()},
        {"sink", (shared / "standard_external_data_output_single.conf.inc").string()},
        {"sinkLevel", "lld"},
        {"bufferModeRbConf", (shared / "BufferModeRb.conf.inc").string()},
        {"frameModeFunctionalsConf", (shared / "FrameModeFunctionals.conf.inc").string()},
        {"sampleRate", std::to_string(sample_rate)},
        {"nBits", "16"}};
    std::vector<SmileOption> pairs;
    for (const auto& [name, value] : options) pairs.push_back({name.c_str(), value.c_str()});
    const auto file = (configurations / "egemaps/v02/eGeMAPSv02.conf").string();
    require(functions_.initialize(handle_, file.c_str(), int(pairs.size()), pairs.data(), 0, 0, 0, nullptr),
            "initialize");
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { functions_.destroy(handle_); }

  [[nodiscard]] std::vector<std::string> columns() const {
    long count = 0;
    require(functions_.count_columns(handle_, kSink, &count), "count columns");
    std::vector<std::string> names;
    for (long i = 0; i < count; ++i) {
      const char* name = nullptr;
      require(functions_.column_name(handle_, kSink, i, &name), "name a column");
      names.emplace_back(name);
    }
    return names;
  }

  [[nodiscard]] Rows rows_of(const std::vector<std::int16_t>& samples) const {
    Rows rows;
    require(functions_.set_callback(handle_, kSink, keep_row, &rows), "set the callback");
    require(functions_.write(handle_, kSource, samples.data(), int(samples.size() * sizeof samples[0])), "take sound");
    require(functions_.end(handle_, kSource), "end");
    require(functions_.run(handle_), "run");
    return rows;
  }

 private:
  void require(int code, const char* what) const {
    if (code == 0) return;
    const char* said = functions_.message(handle_);
    throw Error(fmt::format("openSMILE could not {}: code {}: {}", what, code, said == nullptr ? "no message" : said));
  }
  const Functions& functions_;
  void* handle_;
};

}  // namespace

OpenSmile::OpenSmile(const std::filesystem::path& library, const std::filesystem::path& configurations)
    : functions_(std::make_unique<Functions>(library)), configurations_(configurations) {
  for (const char* file : {"egemaps/v02/eGeMAPSv02.conf", "shared/standard_external_wave_input.conf.inc"})
    if (!std::filesystem::is_regular_file(configurations / file))
      throw ConfigError(fmt::format("openSMILE: {}: has no {}", configurations.string(), file),
                        "name its folder of configurations: `config` beside `bin` in the Python package opensmile");
  columns_ = Session(*functions_, configurations_, 16000).columns();
  const auto version = package_version(configurations_);
  identity_ = fmt::format("openSMILE{}, SHA-256 {}", version.empty() ? "" : " of the Python package " + version,
                          sha256_of_file(library));
  log_info("openSMILE (audEERING) computes eGeMAPSv02: research licence, no commercial use");
}

OpenSmile::~OpenSmile() = default;

const std::vector<std::string>& OpenSmile::columns() const noexcept { return columns_; }

SmileDescriptors OpenSmile::descriptors(const at::Tensor& samples, int sample_rate) const {
  if (samples.dim() != 1 || samples.scalar_type() != torch::kFloat32 || samples.size(0) > (1 << 30) - 1)
    throw ShapeError(fmt::format("sound: expected [S] float32, S below 2^30, found [{}] {}",
                                 fmt::join(samples.sizes(), ", "), c10::toString(samples.scalar_type())));
  const auto flat = samples.contiguous();
  std::vector<std::int16_t> rounded;
  for (const float x : std::span(flat.const_data_ptr<float>(), std::size_t(flat.size(0))))
    rounded.push_back(std::int16_t(std::clamp(std::lround(x * 32768), -32768L, 32767L)));
  const auto width = std::int64_t(columns_.size());
  if (rounded.empty()) return {torch::zeros({0, width}), {}};
  auto rows = Session(*functions_, configurations_, sample_rate).rows_of(rounded);
  if (rows.values.size() != rows.times.size() * columns_.size())
    throw Error(fmt::format("openSMILE gave {} values in {} rows of {}", rows.values.size(), rows.times.size(), width));
  return {torch::tensor(rows.values).view({-1, width}), std::move(rows.times)};
}

}  // namespace kuda
