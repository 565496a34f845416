#pragma once
// `kuda serve` as a process, on a free port. For tests only.

#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "tests/webdriver.h"

namespace kuda::test {

/// The run in folder/run.
class Served {
 public:
  Served(const std::filesystem::path& folder, const std::string& name, const std::vector<std::string>& options) {
    std::vector<std::string> words{KUDA_PROGRAM, "serve", (folder / "run").string(), "--port", "0", "--level", "0.8"};
    words.insert(words.end(), options.begin(), options.end());
    server_ = std::make_unique<Background>(words, folder / (name + ".log"));
    port_ = std::stoi(server_->find(std::regex("http://127\\.0\\.0\\.1:([0-9]+)")).value_or("0"));
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  [[nodiscard]] std::string output() const { return server_->output(); }
  [[nodiscard]] bool is_up() const { return port_ > 0; }
  [[nodiscard]] httplib::Client client() const {
    httplib::Client made("127.0.0.1", port_);
    made.set_read_timeout(60, 0);
    return made;
  }
  [[nodiscard]] nlohmann::json post(const std::string& path, const nlohmann::json& body) const {
    return answered(client().Post(path, body.dump(), "application/json"));
  }
  [[nodiscard]] nlohmann::json post(const std::string& path, const httplib::MultipartFormDataItems& form) const {
    return answered(client().Post(path, form));
  }
  [[nodiscard]] nlohmann::json get(const std::string& path) const { return answered(client().Get(path)); }

 private:
  static nlohmann::json answered(const httplib::Result& answer) {
    if (answer && answer->status == 200) return nlohmann::json::parse(answer->body);
    ADD_FAILURE() << (answer ? answer->body : httplib::to_string(answer.error()));
    return nlohmann::json::object();
  }
  std::unique_ptr<Background> server_;
  int port_ = 0;
};

}  // namespace kuda::test
