import { useLanguage, useText } from '@/i18n/i18n';
import { useChangePreferences, usePreferences, type Language, type Theme, type Zone } from '@/preferences/preferences';

/** Language, theme and zone; effective at once. */
export function Switches() {
  const text = useText();
  const { language } = useLanguage();
  const { theme = 'system', zone = 'browser' } = usePreferences();
  const change = useChangePreferences();
  return (
    <div>
      <label>
        {text.switches.language}
        <select className="native" data-testid="lang-switch" value={language} onChange={(event) => change({ language: event.target.value as Language })}>
          <option value="en">{text.switches.languages.en}</option>
          <option value="zh">{text.switches.languages.zh}</option>
        </select>
      </label>
      <label>
        {text.switches.theme}
        <select className="native" data-testid="theme-switch" value={theme} onChange={(event) => change({ theme: event.target.value as Theme })}>
          <option value="light">{text.switches.themes.light}</option>
          <option value="dark">{text.switches.themes.dark}</option>
          <option value="system">{text.switches.themes.system}</option>
        </select>
      </label>
      <label>
        {text.switches.zone}
        <select className="native" data-testid="zone-switch" value={zone} onChange={(event) => change({ zone: event.target.value as Zone })}>
          <option value="browser">{text.switches.zones.browser}</option>
          <option value="utc">{text.switches.zones.utc}</option>
          <option value="workflow">{text.switches.zones.workflow}</option>
        </select>
      </label>
    </div>
  );
}
