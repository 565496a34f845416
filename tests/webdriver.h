#pragma once
// A headless Chromium that a test drives as a person would: W3C WebDriver, spoken with chromedriver.
//
//   std::string why;
//   const auto browser = Browser::start(folder, why);          // nothing, and why, where none can be had
//   browser->go("http://127.0.0.1:8080/");
//   browser->type("#text", "a fine film" + keys::kControl + keys::kEnter);
//   browser->wait_for("document.getElementById('score') !== null");
//
// Whatever the driver refuses throws std::runtime_error with its message, which fails the test.

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace kuda::test {

/// A program in the background, with both its outputs in a file; it is ended when this goes out of scope.
class Background {
 public:
  Background(std::vector<std::string> words, std::filesystem::path output,
             const std::map<std::string, std::string>& environment = {});
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }  ///< such a program
  /// First group of the first match in its output; nothing when it ends without, or after 60 seconds.
  [[nodiscard]] std::optional<std::string> find(const std::regex& pattern);
  [[nodiscard]] std::string output() const;

 private:
  [[nodiscard]] bool is_running();
  std::filesystem::path output_;
  pid_t pid_ = -1;
  bool is_there_ = false;
};

/// Keys as WebDriver spells them; a held one is let go at the end of the text.
namespace keys {
inline const std::string kTab = "\xee\x80\x84", kBackspace = "\xee\x80\x83", kEnter = "\xee\x80\x87",
                         kControl = "\xee\x80\x89";
}

class Browser {
 public:
  using Json = nlohmann::json;
  /// Its files go below `folder`. Nothing, with the reason in `why`, when chromedriver or Chromium is missing or does
  /// not start.
  /// `more`: arguments of Chromium beside ours.
  static std::unique_ptr<Browser> start(const std::filesystem::path& folder, std::string& why,
                                        const std::vector<std::string>& more = {});
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser();

  void go(const std::string& url);
  /// Value of a JavaScript expression.
  [[nodiscard]] Json value(const std::string& expression);
  /// Until the expression is true; throws after that time.
  void wait_for(const std::string& expression, int most_seconds = 30);
  /// Of the first element that a CSS selector finds; hidden text counts as none.
  [[nodiscard]] std::string text(const std::string& selector);
  /// Waits until a person could click on it.
  void click(const std::string& selector);
  void clear(const std::string& selector);  ///< a text field
  /// Into an element; the path of a file into a file input.
  void type(const std::string& selector, const std::string& text);
  /// Into whatever has the focus.
  void type(const std::string& text);

  /// A phone with a screen of that size, or with 0 the window again.
  void set_phone(int width, int height);
  void prefer(const std::string& feature, const std::string& setting);  ///< "prefers-color-scheme", "dark"
  /// The whole page as NAME.png in the folder that KUDA_SCREENSHOTS names; nothing without one.
  void keep_picture(const std::string& name);

  /// Everything that was requested since the last call, by whatever page.
  [[nodiscard]] std::vector<std::string> requested_urls();
  /// What the console got since the last call.
  [[nodiscard]] std::vector<std::string> console();

 private:
  Browser() = default;
  Json call(const std::string& method, const std::string& path, const Json& body = Json::object());
  Json developer(const std::string& command, const Json& parameters);
  [[nodiscard]] std::string element(const std::string& selector);
  [[nodiscard]] Json log(const std::string& kind);

  std::unique_ptr<Background> driver_;
  int port_ = 0;
  std::string session_;
};

}  // namespace kuda::test
