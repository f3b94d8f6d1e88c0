import { ConfigProvider, theme as antTheme, type ThemeConfig } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { useEffect, useSyncExternalStore, type ReactNode } from 'react';
import { useLanguage } from '@/i18n/i18n';
import { usePreferences } from '@/preferences/preferences';

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function followSystem(listener: () => void) {
  systemDark.addEventListener('change', listener);
  return () => systemDark.removeEventListener('change', listener);
}

/** Whether the page is dark: as chosen, or as the system is. */
export function useDark(): boolean {
  const { theme = 'system' } = usePreferences();
  const dark = useSyncExternalStore(followSystem, () => systemDark.matches);
  return theme === 'system' ? dark : theme === 'dark';
}

const SHARED = {
  borderRadius: 6,
  fontFamily: 'var(--sans)',
  fontSize: 14,
  controlHeight: 32,
  motion: false,
} as const;

// The same values as in styles/tokens.css, which antd cannot derive shades from.
const LIGHT: ThemeConfig = {
  algorithm: antTheme.defaultAlgorithm,
  token: {
    ...SHARED,
    colorPrimary: '#0b6578',
    colorInfo: '#0b6578',
    colorError: '#b3261e',
    colorText: '#17242c',
    colorTextPlaceholder: '#5c6c76',
    colorTextSecondary: '#4a5b66',
    colorTextDisabled: '#5c6c76',
    colorBorder: '#c3ccd2',
    colorBgLayout: '#f5f7f8',
  },
};

const DARK: ThemeConfig = {
  algorithm: antTheme.darkAlgorithm,
  token: {
    ...SHARED,
    colorPrimary: '#1d8aa0',
    colorInfo: '#5cc3d6',
    colorError: '#f07f77',
    colorText: '#e6edf0',
    colorTextPlaceholder: '#98a7af',
    colorTextSecondary: '#b3c0c7',
    colorTextDisabled: '#98a7af',
    colorBorder: '#3f4f58',
    colorBgLayout: '#0f161a',
    colorBgContainer: '#172025',
    colorBgElevated: '#1d282e',
  },
};

export function ThemeProvider({ children }: { children: ReactNode }) {
  const dark = useDark();
  const { language } = useLanguage();
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
  }, [dark]);
  return (
    <ConfigProvider theme={dark ? DARK : LIGHT} locale={language === 'zh' ? zhCN : enUS} button={{ autoInsertSpace: false }}>
      {children}
    </ConfigProvider>
  );
}
